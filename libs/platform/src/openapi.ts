import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger'

/** The OpenAPI 3.1 document of a service, from its controllers' own schemas. The gateway serves all of them as one. */
export const openApiOf = (app: NestFastifyApplication, title: string): OpenAPIObject =>
  SwaggerModule.createDocument(
    app,
    new DocumentBuilder()
      .setOpenAPIVersion('3.1.0')
      .setTitle(title)
      .setVersion('1')
      .addOAuth2({ type: 'oauth2', flows: {} }, 'oauth2')
      .build(),
    { operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}.${method}` },
  )
