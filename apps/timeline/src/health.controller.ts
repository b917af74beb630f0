/** `/health/live`, `/health/ready` and `/metrics`: what an operator and an orchestrator look at. */
import { Controller, Get, Res } from '@nestjs/common';
import { Answers, Describes } from '@timeline/http';
import type { FastifyReply } from 'fastify';
import { HealthService, type Health } from './health.service.js';
import { MetricsService } from './metrics.service.js';

const health = {
  type: 'object',
  properties: { status: { type: 'string', enum: ['green', 'yellow', 'red'] } },
  required: ['status'],
};

@Controller()
export class HealthController {
  constructor(
    private readonly health: HealthService,
    private readonly metrics: MetricsService,
  ) {}

  @Get('health/live')
  @Describes('Whether the process runs')
  @Answers(200, { type: 'object', properties: { status: { type: 'string' } }, required: ['status'] })
  live(): { status: string } {
    return { status: 'alive' };
  }

  @Get('health/ready')
  @Describes(
    'Whether it can do its work',
    'Green, or yellow while something catches up; 503 and red when something stopped.',
  )
  @Answers(200, health)
  @Answers(503, health, 'Something that this process is for does not work')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<Health> {
    const state = await this.health.look();
    void reply.status(state.status === 'red' ? 503 : 200);
    return state;
  }

  @Get('metrics')
  @Describes('Metrics for Prometheus')
  @Answers(200, { type: 'string' }, 'Text exposition format', 'text/plain')
  async scrape(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    void reply.header('content-type', this.metrics.contentType);
    return this.metrics.text();
  }
}
