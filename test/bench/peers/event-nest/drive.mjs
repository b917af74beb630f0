// As its README says: an aggregate root with a publisher, committed; found by its id before, as `updateUser` there does.
// Decorators are called as functions, since this is plain JavaScript.
import 'reflect-metadata';
import { AggregateRoot, AggregateRootName, ApplyEvent, DomainEvent, EVENT_STORE } from '@event-nest/core';
import { EventNestMongoDbModule } from '@event-nest/mongodb';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { driven } from '../driven.mjs';

class InteractionRecorded {
  constructor(body) {
    Object.assign(this, body);
  }
}
DomainEvent('interaction-recorded')(InteractionRecorded);

class Interaction extends AggregateRoot {
  record(body) {
    const event = new InteractionRecorded(body);
    this.recorded(event);
    this.append(event);
  }
  recorded(event) {
    this.body = event;
  }
}
ApplyEvent(InteractionRecorded)(Interaction.prototype, 'recorded');
AggregateRootName('Interaction')(Interaction);

driven(async ({ url }) => {
  class AppModule {}
  const collections = { aggregatesCollection: 'aggregates', eventsCollection: 'events' };
  Module({ imports: [EventNestMongoDbModule.forRoot({ connectionUri: url, ...collections })] })(AppModule);
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
  const store = app.get(EVENT_STORE, { strict: false });
  return async (body) => {
    const id = await store.generateEntityId();
    const interaction = new Interaction(id);
    interaction.reconstitute(await store.findByAggregateRootId(Interaction, id));
    interaction.record(body);
    await store.addPublisher(interaction).commit();
  };
});
