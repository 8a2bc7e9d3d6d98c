// The versions of one KV 2 secret: write, read, delete, destroy.

import { type Fields, nothing, Refusal, type Reply } from '../http/reply.js';

/** Settings of a mount, or of one secret. */
export interface KeySettings {
  /** 0: the mount's value; at the mount, 0 means ten. */
  maxVersions: number;
  casRequired: boolean;
}

interface Version {
  readonly data: Fields;
  readonly createdTime: string;
  deletionTime: string;
  destroyed: boolean;
}

const usualVersions = 10;

/** The versions of one secret, from 1. A deleted one can come back, a destroyed one cannot. */
export class KeyHistory {
  readonly settings: KeySettings = { maxVersions: 0, casRequired: false };
  custom: Fields | null = null;
  readonly #createdTime = now();
  #updatedTime = now();
  readonly #versions = new Map<number, Version>();
  #newest = 0;
  #oldest = 0;

  write(data: Fields, cas: number | undefined, mount: KeySettings): Reply {
    const isRequired = mount.casRequired || this.settings.casRequired;
    if (cas === undefined && isRequired)
      throw new Refusal(400, 'check-and-set parameter required for this call');
    if (cas !== undefined && cas !== this.#newest) {
      throw new Refusal(400, 'check-and-set parameter did not match the current version');
    }
    this.#newest += 1;
    this.#updatedTime = now();
    const version = { data, createdTime: now(), deletionTime: '', destroyed: false };
    this.#versions.set(this.#newest, version);
    this.#prune(this.settings.maxVersions || mount.maxVersions || usualVersions);
    return { data: this.#metadataOf(this.#newest, version) };
  }

  /** 0 reads the newest version. A deleted one is answered with 404 and its metadata. */
  read(number: number): Reply {
    const version = this.#versions.get(number || this.#newest);
    if (version === undefined) throw nothing();
    const metadata = this.#metadataOf(number || this.#newest, version);
    const isGone = version.deletionTime !== '' || version.destroyed;
    return isGone
      ? { status: 404, data: { data: null, metadata } }
      : { data: { data: version.data, metadata } };
  }

  describe(): Reply {
    const versions = [...this.#versions].map(([number, version]) => [number, timesOf(version)]);
    return {
      data: {
        cas_required: this.settings.casRequired,
        created_time: this.#createdTime,
        current_version: this.#newest,
        custom_metadata: this.custom,
        delete_version_after: '0s',
        max_versions: this.settings.maxVersions,
        oldest_version: this.#oldest,
        updated_time: this.#updatedTime,
        versions: Object.fromEntries(versions),
      },
    };
  }

  hide(number: number): undefined {
    const version = this.#versions.get(number || this.#newest);
    if (version !== undefined && !version.destroyed && version.deletionTime === '')
      version.deletionTime = now();
  }

  show(number: number): void {
    const version = this.#versions.get(number);
    if (version !== undefined && !version.destroyed) version.deletionTime = '';
  }

  destroy(number: number): void {
    const version = this.#versions.get(number);
    if (version !== undefined) this.#versions.set(number, { ...version, data: {}, destroyed: true });
  }

  #prune(most: number): void {
    for (const number of this.#versions.keys()) {
      if (number > this.#newest - most) break;
      this.#versions.delete(number);
      this.#oldest = number + 1;
    }
  }

  #metadataOf(version: number, times: Version): Fields {
    return { ...timesOf(times), custom_metadata: this.custom, version };
  }
}

function timesOf({ createdTime, deletionTime, destroyed }: Version): Fields {
  return { created_time: createdTime, deletion_time: deletionTime, destroyed };
}

function now(): string {
  return new Date().toISOString();
}
