// One path in a process of its own, so that each begins with a clean heap. Told what to do by the parent (`run.mjs`).
// What it has started ends with it, also when it is given up or its parent has died.
process.once('SIGTERM', () => process.exit(1));
process.once('disconnect', () => process.exit(1));
process.once('message', async ({ name, folder, servers, scale, mode }) => {
  try {
    const { run } = await import(new URL(`../paths/${name}.mjs`, import.meta.url).href);
    const rows = await run({ folder, servers, scale, mode });
    process.send({ rows }, () => process.exit(0));
  } catch (error) {
    console.error(error);
    process.send({ error: error?.stack ?? String(error) }, () => process.exit(1));
  }
});
