import { Body, Controller, Get, Inject, Put, Query } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { NotificationPage, NotificationPreferences, PageQuery } from '@catamaran/contracts'
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

  @Get('preferences')
  @Requires('notifications:read')
  @ApiOperation({ summary: 'Read how I want to be told', description: 'Mails are on until you switch them off.' })
  @ApiOkResponse({ standardSchema: NotificationPreferences })
  preferences(): Promise<NotificationPreferences> {
    return this.aux.call({ path: '/internal/notifications/preferences', answer: NotificationPreferences })
  }

  @Put('preferences')
  @Requires('account:write')
  @ApiOperation({ summary: 'Say how I want to be told', description: 'It goes for mails that are not sent yet, too.' })
  @ApiOkResponse({ standardSchema: NotificationPreferences })
  setPreferences(@Body({ schema: NotificationPreferences }) body: NotificationPreferences): Promise<NotificationPreferences> {
    return this.aux.call({ method: 'PUT', path: '/internal/notifications/preferences', body, answer: NotificationPreferences })
  }
}
