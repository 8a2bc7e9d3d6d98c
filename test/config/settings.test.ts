import { expect, test } from 'vitest';
import { type Setting, settings } from '../../src/config/settings.js';

test('every setting has a meaning, and is secret or shown on purpose', () => {
  for (const setting of settings as readonly Setting[]) {
    expect(setting.meaning).toMatch(/^.{10,}\.$/);
    expect(setting.required === true && setting.default !== undefined).toBe(false);
  }
});
