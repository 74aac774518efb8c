import { Body, Controller, Get, Post, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Idempotent } from '../../platform/http/idempotency/idempotent.decorator.js';
import { ObjectId } from '../../platform/http/object-id.js';
import { QueryParams } from '../../platform/http/query-params.js';
import {
  NotificationDto,
  NotificationInputDto,
  NotificationListDto,
  NotificationQueryDto,
} from './notification.dto.js';
import { NotificationsService } from './notifications.service.js';

export const NOTIFICATIONS_PATH = '/api/v1/alerting/notifications';

/** Messages for people. */
@ApiTags('alerting: notifications')
@Controller(NOTIFICATIONS_PATH)
export class NotificationsController {
  constructor(private readonly notifications: NotificationsService) {}

  @Post()
  @Idempotent()
  @ApiOperation({
    summary: 'Push a notification; once answered it survives everything but the loss of the disk',
  })
  @ApiCreatedResponse({ type: NotificationDto })
  async push(
    @Body() input: NotificationInputDto,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<NotificationDto> {
    const notification = await this.notifications.push(input);
    void reply.header('location', `${NOTIFICATIONS_PATH}/${notification.id}`);
    return notification;
  }

  @Get()
  @ApiOperation({ summary: 'List notifications, oldest first' })
  @ApiOkResponse({ type: NotificationListDto })
  list(@QueryParams() query: NotificationQueryDto): Promise<NotificationListDto> {
    return this.notifications.list(query);
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read a notification and where it arrived' })
  @ApiOkResponse({ type: NotificationDto })
  get(@ObjectId() id: string): Promise<NotificationDto> {
    return this.notifications.get(id);
  }
}
