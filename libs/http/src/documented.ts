/**
 * What a route is, for the API's description. The decorators that read a request (`@StrictBody`, `@CommandHeaders` …)
 * put here what they read and how they refuse, so that the description follows from what runs. `openapi.ts` renders it.
 */
import type { Answer, DtoClass, FieldType } from './field-types.js';

export interface RouteDocument {
  summary?: string;
  description?: string;
  /** Media type → schema. */
  body?: { type: string; schema: Answer };
  /** Of the body, by name. */
  examples?: Readonly<Record<string, { summary: string; value: object }>>;
  query?: DtoClass;
  path: { name: string; type: FieldType }[];
  headers: { name: string; description: string }[];
  answers: { status: number; description: string; schema?: Answer; type: string; isOutcome?: boolean }[];
  refuses: string[];
}

const routes = new WeakMap<object, RouteDocument>();

/** Of one method of a controller, its own function being the key. */
export function routeDocument(handler: object): RouteDocument {
  let route = routes.get(handler);
  if (!route) {
    route = { path: [], headers: [], answers: [], refuses: [] };
    routes.set(handler, route);
  }
  return route;
}

export function addToRoute(handler: object, more: Partial<RouteDocument>): void {
  const route = routeDocument(handler);
  const { path = [], headers = [], answers = [], refuses = [], ...single } = more;
  Object.assign(route, single);
  route.path.push(...path);
  route.headers.push(...headers);
  route.answers.push(...answers);
  route.refuses.push(...refuses.filter((code) => !route.refuses.includes(code)));
}

/** A parameter decorator that also writes down what it reads. */
export function documents(decorator: ParameterDecorator, more: Partial<RouteDocument>): ParameterDecorator {
  return (target, key, index) => {
    decorator(target, key, index);
    const handler: unknown = key === undefined ? undefined : Reflect.get(target, key);
    if (typeof handler === 'function') addToRoute(handler, more);
  };
}
