import { Body, Controller, Get, Put, Query } from '@nestjs/common'
import { NotificationPage, NotificationPreferences, PageQuery, type UserId } from '@catamaran/contracts'
import { Caller, Requires, type Claims } from '@catamaran/platform'
import { ApiOkResponse } from '@nestjs/swagger'
import { NotificationsService } from './notifications.service.js'
import { PreferencesService } from './preferences.service.js'

@Controller('internal/notifications')
export class NotificationsController {
  constructor(
    private readonly notifications: NotificationsService,
    private readonly preferences: PreferencesService,
  ) {}

  @Get()
  @Requires('notifications:read')
  @ApiOkResponse({ standardSchema: NotificationPage })
  list(@Caller() caller: Claims, @Query({ schema: PageQuery }) query: PageQuery): Promise<NotificationPage> {
    return this.notifications.list(caller.sub, query)
  }

  @Get('preferences')
  @Requires('notifications:read')
  @ApiOkResponse({ standardSchema: NotificationPreferences })
  readPreferences(@Caller() caller: Claims): Promise<NotificationPreferences> {
    return this.preferences.read(caller.sub as UserId)
  }

  @Put('preferences')
  @Requires('account:write')
  @ApiOkResponse({ standardSchema: NotificationPreferences })
  changePreferences(
    @Caller() caller: Claims,
    @Body({ schema: NotificationPreferences }) body: NotificationPreferences,
  ): Promise<NotificationPreferences> {
    return this.preferences.change(caller.sub as UserId, body)
  }
}
