/** Would a value be accepted now? Nothing is written, and nothing of the value is kept. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { Field, Flag, MapOf, NestedArray, Nullable, OneOf, Optional, Text, Whole } from '@timeline/http';
import { scalar } from '../commands/rule-types.js';
import { refusalsOf } from '../rules/refusals.js';
import { RULE_KINDS } from '../rules/rule-kinds.js';
import type { RuleKind } from '../rules/rule.js';
import { StandardsInForce } from '../standards-in-force.js';

type Scalar = string | number | boolean;

export class CheckValueBody {
  /** An identity as it is given, everything else as a command takes it; `null` for no value. */
  @Nullable()
  @Field(scalar)
  value: Scalar | null;

  /** What the customer's other fields hold, for rules that look at them: by field, `kind` and `stage` among them. */
  @Optional()
  @MapOf(scalar, { keys: /^[A-Za-z0-9._-]{1,110}$/, max: 50 })
  with?: Record<string, Scalar>;
}

export class RefusalView {
  @OneOf(Object.keys(RULE_KINDS))
  rule: RuleKind;
  /** Of the rule in the standard, from 0. */
  @Whole({ min: 0 })
  index: number;
  @Text({ max: 60 })
  code: string;
  @Text({ max: 2000 })
  detail: string;
}

export class CheckedValue {
  @Flag()
  accepted: boolean;
  /** That it was held to; absent where no standard is in force. */
  @Optional()
  @Whole({ min: 1 })
  version?: number;
  @NestedArray(() => RefusalView)
  refusals: RefusalView[];
}

export class CheckValue extends Query<CheckedValue> {
  constructor(
    readonly field: string,
    readonly body: CheckValueBody,
  ) {
    super();
  }
}

@QueryHandler(CheckValue)
export class CheckValueHandler implements IQueryHandler<CheckValue> {
  constructor(private readonly standards: StandardsInForce) {}

  async execute({ field, body: { value, with: others = {} } }: CheckValue): Promise<CheckedValue> {
    const { now, byField } = await this.standards.current();
    const standard = byField.get(field);
    if (!standard) return { accepted: true, refusals: [] };
    const valuesOf = (other: string): Scalar[] => (Object.hasOwn(others, other) ? [others[other] ?? ''] : []);
    const refusals = refusalsOf(value, standard.rules, { now, valuesOf });
    return {
      accepted: refusals.length === 0,
      version: standard.version,
      refusals: refusals.map(({ rule, index, code, message }) => ({ rule, index, code, detail: message })),
    };
  }
}
