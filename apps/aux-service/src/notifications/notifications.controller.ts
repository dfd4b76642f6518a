import { Controller, Get, Query } from '@nestjs/common'
import { NotificationPage, PageQuery } from '@catamaran/contracts'
import { Caller, Requires, type Claims } from '@catamaran/platform'
import { ApiOkResponse } from '@nestjs/swagger'
import { NotificationsService } from './notifications.service.js'

@Controller('internal/notifications')
export class NotificationsController {
  constructor(private readonly notifications: NotificationsService) {}

  @Get()
  @Requires('notifications:read')
  @ApiOkResponse({ standardSchema: NotificationPage })
  list(@Caller() caller: Claims, @Query({ schema: PageQuery }) query: PageQuery): Promise<NotificationPage> {
    return this.notifications.list(caller.sub, query)
  }
}
