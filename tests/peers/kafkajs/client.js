// Writes and reads records with kafkajs, as a consumer of the mesh's topics would in JavaScript:
//   client.js write BROKER TOPIC         a record of each line of stdin: {"key","value","headers"}
//   client.js read BROKER TOPIC COUNT    so many records from the start, a line of the same form each
// A key or value that there is not is null.
const { createInterface } = require('node:readline');
const { Kafka, Partitioners, logLevel } = require('kafkajs');

const [what, broker, topic, count] = process.argv.slice(2);
const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.ERROR });
const text = (bytes) => (bytes === null || bytes === undefined ? null : bytes.toString());

async function write() {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const messages = [];
  for await (const line of createInterface({ input: process.stdin })) messages.push(JSON.parse(line));
  await producer.send({ topic, messages });
  await producer.disconnect();
}

async function read() {
  const consumer = kafka.consumer({ groupId: `${topic}-reader` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise((done) => {
    let left = Number(count);
    consumer.run({
      eachMessage: async ({ message }) => {
        const headers = {};
        for (const [name, value] of Object.entries(message.headers)) headers[name] = text(value);
        console.log(JSON.stringify({ key: text(message.key), value: text(message.value), headers }));
        if (--left === 0) done();
      },
    });
  });
  await consumer.disconnect();
}

({ write, read })[what]().catch((error) => {
  console.error(error);
  process.exit(1);
});
