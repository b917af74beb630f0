// As its README says: a command on its command bus, an aggregate loaded from and saved to the event store, without snapshots.
// Decorators are called as functions, since this is plain JavaScript.
import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import ocoda from '@ocoda/event-sourcing';
import { driven } from '../driven.mjs';

const {
  Aggregate,
  AggregateRoot,
  CommandBus,
  CommandHandler,
  Event,
  EventSourcingModule,
  EventStore,
  EventStream,
  Id,
} = ocoda;

class InteractionRecorded {
  constructor(body) {
    Object.assign(this, body);
  }
}
Event('interaction-recorded')(InteractionRecorded);

class Interaction extends AggregateRoot {
  record(body) {
    this.applyEvent(new InteractionRecorded(body));
  }
  onInteractionRecorded(event) {
    this.body = event;
  }
}
Aggregate({ streamName: 'interaction' })(Interaction);

class RecordInteraction {
  constructor(id, body) {
    this.id = id;
    this.body = body;
  }
}

class RecordInteractionHandler {
  constructor(store) {
    this.store = store;
  }
  async execute({ id, body }) {
    const stream = EventStream.for(Interaction, id);
    const interaction = new Interaction();
    await interaction.loadFromHistory(this.store.getEvents(stream));
    interaction.record(body);
    const events = interaction.commit();
    await this.store.appendEvents(stream, interaction.version, events);
  }
}
CommandHandler(RecordInteraction)(RecordInteractionHandler);
Reflect.defineMetadata('design:paramtypes', [EventStore], RecordInteractionHandler);

driven(async ({ url }) => {
  class AppModule {}
  const options = { eventStore: { client: 'mongodb', options: { url } }, events: [InteractionRecorded] };
  Module({ imports: [EventSourcingModule.forRoot(options)], providers: [RecordInteractionHandler] })(AppModule);
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
  await app.init();
  await app.get(EventStore, { strict: false }).setup();
  const bus = app.get(CommandBus, { strict: false });
  return (body) => bus.execute(new RecordInteraction(Id.from(randomUUID()), body));
});
