// One path in a process of its own, so that each begins with a clean heap. Told what to do by the parent (`run.mjs`).
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
