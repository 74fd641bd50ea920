// BMI as a service computes it in worker threads: objects are sent to each thread, and objects come back.
//   node bmi_threads.mjs ROWS ROUNDS  →  milliseconds of the median round
import { Worker, isMainThread, parentPort } from 'node:worker_threads';

const THREADS = 2;

if (isMainThread) {
  const [rows, rounds] = process.argv.slice(2).map(Number);
  const children = Array.from({ length: rows }, () => {
    const height = 95 + Math.random() * 90;
    return { height, weight: (13 + Math.random() * 12) * (height / 100) ** 2 };
  });
  const workers = Array.from({ length: THREADS }, () => new Worker(new URL(import.meta.url)));
  const ask = (worker, part) => new Promise((resolve) => {
    worker.once('message', resolve);
    worker.postMessage(part);
  });
  const part = Math.ceil(rows / THREADS);
  await Promise.all(workers.map((worker) => ask(worker, children.slice(0, 1000))));  // started and warm
  const times = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    const answers = await Promise.all(workers.map((worker, i) => ask(worker, children.slice(i * part, (i + 1) * part))));
    let sum = 0;
    for (const answer of answers) for (const { bmi } of answer) sum += bmi;
    times.push(performance.now() - start);
    if (!(sum > 0)) throw new Error('no sum');
  }
  console.log(times.sort((a, b) => a - b)[Math.floor(rounds / 2)]);
  await Promise.all(workers.map((worker) => worker.terminate()));
} else {
  parentPort.on('message', (children) => parentPort.postMessage(children.map(({ height, weight }) => {
    const metres = height / 100;
    return { bmi: Math.round((weight / (metres * metres)) * 10) / 10 };
  })));
}
