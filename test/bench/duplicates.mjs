// One new record against a file of 100,000 customers: how long a search for its duplicates takes, on the embedded store.
//
//   npm run build && npm run bench:duplicates [-- --customers 100000 --searches 1000]
//
// Customers are made up (seeded): half Chinese, half Western, names as skewed as in life (Zipf), one in three living with
// others at one address, a phone and a birth date for most. They are recorded as facts and folded by the product's own
// projection; the searches go through the product's own `DuplicateSearch`, each on a record that nobody saw before: half are
// a customer with an error or two (they must be found: `found`), half are new people. Measured is the wall time of a search,
// one after the other, and the CPU time of all of them together.
//
// Writes test/bench/results/duplicates.json and fails when the median is not under 50 ms or fewer than 95 % are found.
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { lib } from './support/product.mjs';
import { pickFrom, randomFrom } from './support/random.mjs';

const { Product, readConfig } = await lib('composing/src/index.js');
const { featuresOf } = await lib('matching/src/index.js');
const { duplicatesSlice } = await lib('duplicates/src/index.js');
const { DuplicateSearch } = await lib('duplicates/src/duplicate-search.js');

const { values } = parseArgs({
  options: { customers: { type: 'string', default: '100000' }, searches: { type: 'string', default: '1000' } },
});
const CUSTOMERS = Number(values.customers);
const SEARCHES = Number(values.searches);
const SEED = 11;

const random = randomFrom(SEED);
const below = (n) => Math.floor(random() * n);
const pick = pickFrom(random);
/** The first of a list much more often than the last. */
const zipf = (list) => list[Math.floor(list.length ** random()) - 1] ?? list[0];

const words = (text) => text.split(' ');
const SURNAMES = [
  ...'王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林郑谢罗梁宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤',
];
const GIVEN = [
  ...'伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰建国志文博宇浩然子轩涵雨欣怡佳琪梓晨思雅婷晓东海燕春雪梅鹏飞斌波辉宁云龙凤山林峰松青红月亮光世荣德福祥瑞成立新民生天',
];
const FAMILY = words(
  'smith jones taylor brown williams wilson johnson davies robinson wright thompson evans walker white roberts green hall wood jackson clarke patel khan lewis james phillips mason mitchell rose davis rodgers lopez garcia martin nguyen kelly murphy oconnor weber fischer schneider dubois moreau rossi bianchi novak kowalski andersson hansen larsen johansson yilmaz petrov ivanova haddad cohen levy silva santos oliveira costa ferreira almeida tanaka suzuki sato kim park choi singh kaur sharma gupta reddy das okafor mensah diallo mwangi abebe',
);
const FIRST = words(
  'oliver george arthur noah muhammad leo oscar harry archie jack henry charlie freddie theodore thomas finley joshua logan lucas theo james alexander jacob william daniel samuel joseph max edward isaac olivia amelia isla ava ivy freya lily florence mia willow rosie sophia isabella grace daisy sienna poppy elsie emily ella evelyn phoebe charlotte evie millie harper matilda maya sophie emma alice isabelle ruby robert elizabeth margaret patricia barbara jennifer linda susan jessica sarah karen nancy',
);
const CITIES = words(
  '北京市 上海市 广州市 深圳市 成都市 杭州市 武汉市 西安市 南京市 重庆市 天津市 苏州市 长沙市 郑州市 青岛市',
);
const ROADS = words(
  '人民路 中山路 解放路 建设路 新华路 和平路 文化路 北京路 长江路 黄河路 胜利路 友谊路 光明路 东风路 幸福路 朝阳路 湖滨路 学院路 工业路 迎宾大道',
);
const TOWNS = words(
  'London Leeds Bristol York Bath Oxford Leicester Derby Hull Exeter Luton Reading Bolton Dover Ripon Wells Truro Lincoln Durham Chester',
);
const STREETS = words(
  'High Station Main Park Church London Victoria Green Manor Kings Queens Mill School Grange North South York Alexandra Albert New',
);

const date = () =>
  `${1940 + below(66)}-${String(1 + below(12)).padStart(2, '0')}-${String(1 + below(28)).padStart(2, '0')}`;
const digits = (n) => Array.from({ length: n }, () => below(10)).join('');

function household() {
  const isChinese = random() < 0.5;
  const address = isChinese
    ? { city: pick(CITIES), lines: [`${zipf(ROADS)}${1 + below(999)}号${1 + below(30)}栋${101 + below(2000)}室`] }
    : {
        city: pick(TOWNS),
        lines: [`${1 + below(300)} ${zipf(STREETS)} ${pick(['Street', 'Road', 'Lane'])}`],
        postalCode: `${pick('ABCDEGHLMNRSTW')}${digits(2)} ${digits(1)}${pick('ABDEF')}${pick('GHJLN')}`,
      };
  return {
    isChinese,
    address,
    family: zipf(isChinese ? SURNAMES : FAMILY),
    phone: isChinese ? `+861${pick('35789')}${digits(9)}` : `+447${digits(9)}`,
  };
}
function member(home) {
  const { isChinese, address, family } = home;
  const given = isChinese
    ? zipf(GIVEN) + (random() < 0.7 ? zipf(GIVEN) : '')
    : `${zipf(FIRST)}${random() < 0.3 ? ` ${zipf(FIRST)}` : ''}`;
  const ofOwn = { ...home, phone: home.phone.slice(0, -8) + digits(8) };
  return {
    name: { full: isChinese ? family + given : `${given} ${family}` },
    ...(random() < 0.7 && { birthDate: date() }),
    ...(random() < 0.9 && { address }),
    phones: random() < 0.85 ? [(random() < 0.3 ? home : ofOwn).phone] : [],
    emails:
      random() < 0.4 ? [`${isChinese ? 'u' : given.slice(0, 4).replaceAll(' ', '')}${digits(6)}@example.com`] : [],
  };
}

function* people() {
  for (;;) {
    const home = household();
    for (let left = random() < 0.2 ? 2 + below(3) : 1; left > 0; left -= 1) yield member(home);
  }
}

/** The record as it is taken down the second time: one or two things wrong or left out. */
function again({ name, birthDate, address, phones, emails }) {
  let record = { name, birthDate, address, phones, emails };
  const swap = (text) => {
    const at = 1 + below(Math.max(1, text.length - 2));
    return text.slice(0, at) + (text[at + 1] ?? '') + (text[at] ?? '') + text.slice(at + 2);
  };
  const errors = [
    () => ({ name: /[a-z]/.test(name.full) ? { full: swap(name.full) } : name }),
    () => ({ phones: phones.map(swap) }),
    () => ({ birthDate: undefined }),
    () => ({ address: undefined }),
    () => ({ emails: [] }),
    () => ({ phones: [`+861${pick('35789')}${digits(9)}`] }),
  ];
  for (let left = 1 + below(2); left > 0; left -= 1) record = { ...record, ...pick(errors)() };
  return record;
}
const given = ({ birthDate, address, ...record }) => ({
  kind: 'person',
  ...record,
  ...(birthDate !== undefined && { birthDate }),
  ...(address !== undefined && { address }),
});

const folder = mkdtempSync(path.join(tmpdir(), 'timeline-bench-'));
const config = readConfig({
  EVENT_STORE_URL: `sqlite:${folder}/events.db`,
  READ_STORE_URL: `sqlite:${folder}/reads.db`,
  KEY_STORE_URL: `sqlite:${folder}/keys.db`,
  MASTER_KEY_FILE: `${folder}/master.key`,
  ROLES: 'projections,queries',
});
const product = await Product.open({ config, slices: [duplicatesSlice()] });

// Facts as the customers slice records them, sealed as it seals them.
const stream = people();
const known = [];
const customers = Array.from({ length: CUSTOMERS }, () => stream.next().value);
for (let from = 0; from < CUSTOMERS; from += 200) {
  await Promise.all(
    customers.slice(from, from + 200).map(async (person) => {
      const customerId = randomUUID();
      known.push({ customerId, person });
      const id = randomUUID();
      const { name, birthDate, address, phones, emails } = person;
      const identities = [
        ...phones.map((value) => ({ kind: 'phone', value })),
        ...emails.map((value) => ({ kind: 'email', value })),
      ].map((identity) => ({ ...identity, given: identity.value, primary: true, hash: randomUUID(), claim: id }));
      const personal = { name, ...(birthDate && { birthDate }), ...(address && { address }), identities };
      const sealed = await product.vault.seal(personal, { eventId: id, customerId });
      const event = {
        id,
        type: 'CustomerRegistered',
        data: { customerId, kind: 'person', stage: 'lead', traits: {} },
        personal: sealed.personal,
        metadata: {
          schemaVersion: 1,
          occurredAt: '2024-01-01T00:00:00.000Z',
          customerId,
          actor: 'bench',
          commandId: id,
          bodyHash: 'bench',
          correlationId: id,
          causationId: id,
          keyId: sealed.keyId,
        },
      };
      await product.events.append(`customer-${customerId}`, [event], { expectedRevision: 'no-stream' });
    }),
  );
}
await product.engine.start();
const folding = performance.now();
const head = await product.events.head();
const search = new DuplicateSearch(product.models);
for (;;) {
  const status = await product.models
    .read({ name: 'duplicate-candidates' }, head.position, async () => true)
    .catch(() => false);
  if (status) break;
}
const foldSeconds = (performance.now() - folding) / 1000;

const times = [];
let wanted = 0;
let found = 0;
const cpuBefore = process.cpuUsage();
for (let n = 0; n < SEARCHES; n += 1) {
  const original = n % 2 === 0 ? pick(known) : undefined;
  const record = given(original ? again(original.person) : stream.next().value);
  const start = performance.now();
  const result = await search.find(featuresOf(record), { from: 0.05, limit: 20 });
  times.push(performance.now() - start);
  if (original) {
    wanted += 1;
    if (result.some(({ customerId }) => customerId === original.customerId)) found += 1;
  }
}
const cpu = process.cpuUsage(cpuBefore);
times.sort((a, b) => a - b);
const at = (share) => Number(times[Math.min(times.length - 1, Math.floor(times.length * share))].toFixed(2));
const result = {
  customers: CUSTOMERS,
  searches: SEARCHES,
  millisecondsEach: { median: at(0.5), p95: at(0.95), p99: at(0.99), worst: at(1) },
  cpuMillisecondsEach: Number(((cpu.user + cpu.system) / 1000 / SEARCHES).toFixed(2)),
  found: Number((found / wanted).toFixed(4)),
  foldSeconds: Number(foldSeconds.toFixed(1)),
  readStoreMiB: Math.round(statSync(`${folder}/reads.db`).size / 1024 ** 2),
  seed: SEED,
  machine: {
    cpus: cpus().length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    node: process.version,
    load: loadavg()[0],
  },
};
await product.stop();
rmSync(folder, { recursive: true });
const file = fileURLToPath(new URL('results/duplicates.json', import.meta.url));
mkdirSync(path.dirname(file), { recursive: true });
writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
console.log(result);
if (result.millisecondsEach.median >= 50 || result.found < 0.95) process.exitCode = 1;
