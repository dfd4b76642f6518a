import { Body, Controller, HttpCode, Post } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import { ExchangeApiKey, type ApiKeyExchange } from '@catamaran/contracts'
import { Anonymous } from '@catamaran/platform'
import type { z } from 'zod'
import { ExchangeService } from './exchange.service.js'

/** For the gateways alone, by the call table. */
@ApiExcludeController()
@Controller('internal/gateway/api-keys')
export class ExchangeController {
  constructor(private readonly exchanges: ExchangeService) {}

  @Post()
  @HttpCode(200)
  @Anonymous()
  exchange(@Body({ schema: ExchangeApiKey }) { key }: z.infer<typeof ExchangeApiKey>): Promise<ApiKeyExchange> {
    return this.exchanges.exchange(key)
  }
}
