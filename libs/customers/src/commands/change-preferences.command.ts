/** Records how a customer wants to be contacted. What is left out stays; `null` removes. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { CommandProcessor, DomainCommand, type CommandOutcome, type CommandType } from '@timeline/deciding';
import {
  Check,
  Field,
  fieldTypes,
  Id,
  Instant,
  ListOf,
  Nested,
  NestedArray,
  Nullable,
  Optional,
  Text,
  violation,
  Whole,
  type FieldType,
} from '@timeline/http';
import { customerStream } from '../customer.decider.js';
import type { ContactFrequency, ContactHours, ContactPreferences, ContactWindow } from '../customers.events.js';
import { MAX_OUTBOUND } from '../projections/profile-part.js';
import { Language } from './customer-fields.js';
import { onCustomer } from './on-customer.js';

const zoneName = fieldTypes.text({ max: 60 });
const timeZone: FieldType = {
  read(value, pointer, reading) {
    const name = zoneName.read(value, pointer, reading);
    if (typeof name !== 'string' || isTimeZone(name)) return name;
    return fieldTypes.refuse(reading, pointer, 'NOT_A_TIME_ZONE', 'must be an IANA time zone, such as Asia/Shanghai');
  },
  schema: (refs) => ({ ...zoneName.schema(refs), description: 'IANA time zone, such as Asia/Shanghai' }),
};

function isTimeZone(name: string): boolean {
  try {
    // Offsets such as +08:00 are taken too, by some versions of Node only.
    return /^[A-Za-z]/.test(name) && Boolean(new Intl.DateTimeFormat('en', { timeZone: name }));
  } catch {
    return false;
  }
}

const channels = (): PropertyDecorator => ListOf(fieldTypes.text({ max: 40 }), { max: 20 });

export class ContactWindowDto implements ContactWindow {
  /** On which it begins, 1 (Monday) to 7; all where absent. */
  @Optional()
  @ListOf(fieldTypes.whole({ min: 1, max: 7 }), { min: 1, max: 7 })
  days?: number[];

  @Text({ max: 5, pattern: /^([01]\d|2[0-3]):[0-5]\d$/, meaning: 'a time of day, such as 09:00' })
  from: string;

  /** Not included. One that is not after `from` is on the day after. */
  @Text({ max: 5, pattern: /^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, meaning: 'a time of day up to 24:00' })
  to: string;
}

export class ContactHoursDto implements ContactHours {
  @Field(timeZone)
  timeZone: string;

  @NestedArray(() => ContactWindowDto, { min: 1, max: 20 })
  windows: ContactWindowDto[];
}

export class ContactFrequencyDto implements ContactFrequency {
  @Whole({ min: 1, max: MAX_OUTBOUND })
  atMost: number;

  @Whole({ min: 1, max: 366 })
  days: number;
}

@Check(
  ({ channels, refused }: ChangePreferencesBody) => {
    const both = (refused ?? []).findIndex((channel) => channels?.includes(channel));
    return both < 0 ? [] : [violation(`/refused/${both}`, 'ALSO_WANTED', 'is among the channels that are wanted, too')];
  },
  { meaning: 'no channel is both wanted and refused' },
)
export class ChangePreferencesBody {
  /** Those wanted, the best first. */
  @Optional()
  @Nullable()
  @channels()
  channels?: string[] | null;

  /** Never by these, whatever was consented to. */
  @Optional()
  @Nullable()
  @channels()
  refused?: string[] | null;

  @Optional()
  @Nullable()
  @Nested(() => ContactHoursDto)
  hours?: ContactHoursDto | null;

  /** At most so many contacts by us in any stretch of so many days. */
  @Optional()
  @Nullable()
  @Nested(() => ContactFrequencyDto)
  frequency?: ContactFrequencyDto | null;

  @Optional()
  @Nullable()
  @Language()
  language?: string | null;

  /** When it happened; now where absent. */
  @Optional()
  @Instant()
  occurredAt?: string;
}

export class ChangePreferencesData extends ChangePreferencesBody {
  @Id()
  customerId: string;
}

export class ChangePreferences extends DomainCommand<ChangePreferencesData> {}

export const changePreferences: CommandType<ChangePreferencesData> = {
  name: 'ChangePreferences',
  data: ChangePreferencesData,
  command: ChangePreferences,
  target: ({ customerId }) => customerId,
  keys: ({ customerId }) => [customerStream(customerId)],
};

@CommandHandler(ChangePreferences)
export class ChangePreferencesHandler implements ICommandHandler<ChangePreferences> {
  constructor(private readonly processor: CommandProcessor) {}

  /** @throws DomainError CUSTOMER_NOT_FOUND, CUSTOMER_ERASED */
  execute({ data, context }: ChangePreferences): Promise<CommandOutcome> {
    const { customerId, occurredAt, channels, refused, hours, frequency, language } = data;
    const preferences: { [Name in keyof ContactPreferences]: ContactPreferences[Name] | null } = {
      ...(channels !== undefined && { channels }),
      ...(refused !== undefined && { refused }),
      ...(hours !== undefined && { hours: hours && plainHours(hours) }),
      ...(frequency !== undefined && { frequency: frequency && { ...frequency } }),
      ...(language !== undefined && { language }),
    };
    return onCustomer(this.processor, { type: 'change-preferences', customerId, preferences }, occurredAt, context);
  }
}

/** Without the classes it was read as: facts are plain JSON. */
const plainHours = ({ timeZone, windows }: ContactHours): ContactHours => ({
  timeZone,
  windows: windows.map(({ days, from, to }) => ({ ...(days !== undefined && { days }), from, to })),
});
