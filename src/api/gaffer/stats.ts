// Shows what processes use, in gaffer's words.

import type { ProcessUsage } from '../../job/options/usage.js';

const unknown = 'N/A';
type Known<T> = T | typeof unknown;

export interface WireStats {
  readonly mem_info1: string;
  readonly mem_info2: string;
  readonly cpu: Known<number>;
  readonly mem: Known<number>;
  readonly ctime: string;
}

/** What is not known, or is known only on another node, is `N/A`. */
export function toWireStats(usage: ProcessUsage | undefined): WireStats {
  const { residentBytes, virtualBytes, cpuPercent, memoryPercent, cpuTimeMs } = usage ?? {};
  return {
    mem_info1: residentBytes === undefined ? unknown : showBytes(residentBytes),
    mem_info2: virtualBytes === undefined ? unknown : showBytes(virtualBytes),
    cpu: cpuPercent === undefined ? unknown : round(cpuPercent),
    mem: memoryPercent === undefined ? unknown : round(memoryPercent),
    ctime: cpuTimeMs === undefined ? unknown : showTime(cpuTimeMs),
  };
}

export interface UsedProcess {
  readonly pid: number;
  readonly usage: ProcessUsage | undefined;
}

/** Of all processes of a job. */
export function toWireJobStats(name: string, processes: readonly UsedProcess[]) {
  const stats = processes.map(({ pid, usage }) => {
    return { ...toWireStats(usage), pid, os_pid: usage?.osPid ?? unknown };
  });
  const [mem, max_mem, min_mem] = summary(stats.map((each) => each.mem));
  const [cpu, max_cpu, min_cpu] = summary(stats.map((each) => each.cpu));
  return { name, stats, mem, max_mem, min_mem, cpu, max_cpu, min_cpu };
}

type Summary = readonly [sum: Known<number>, most: Known<number>, least: Known<number>];

/** Of those that are known. */
function summary(values: readonly Known<number>[]): Summary {
  const known = values.filter((value) => value !== unknown);
  if (known.length === 0) return [unknown, unknown, unknown];
  const sum = known.reduce((total, value) => total + value, 0);
  return [round(sum), Math.max(...known), Math.min(...known)];
}

/** One decimal. */
function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** A whole number, rounded down, and its unit. */
function showBytes(bytes: number): string {
  const units = ['B', 'K', 'M', 'G', 'T'];
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  return `${Math.floor(bytes / 1024 ** power)}${units[power]}`;
}

/** Minutes, seconds and hundredths. */
function showTime(ms: number): string {
  const hundredths = Math.floor(ms / 10);
  const seconds = Math.floor(hundredths / 100);
  return `${Math.floor(seconds / 60)}:${twoDigits(seconds % 60)}.${twoDigits(hundredths % 100)}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
