import { Controller, Get, Inject, Query } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { NotificationPage, PageQuery } from '@catamaran/contracts'
import { HttpClient, Requires } from '@catamaran/platform'
import { AUX } from '../config.js'

@ApiTags('Notifications')
@Controller('v1/notifications')
export class NotificationsController {
  constructor(@Inject(AUX) private readonly aux: HttpClient) {}

  @Get()
  @Requires('notifications:read')
  @ApiOperation({ summary: 'List my notifications', description: 'Newest first.' })
  @ApiOkResponse({ standardSchema: NotificationPage })
  list(@Query({ schema: PageQuery }) { cursor, limit }: PageQuery): Promise<NotificationPage> {
    return this.aux.call({ path: '/internal/notifications', query: { cursor, limit }, answer: NotificationPage })
  }
}
