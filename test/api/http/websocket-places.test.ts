import { expect, test } from 'vitest';
import { WebSocketPlaces } from '../../../src/api/http/websocket-places.js';

const limits = { inAll: 6, ofCaller: 2, ofAddress: 2, ofStrangers: 3 };
const full = expect.objectContaining({ code: 'connections_full' });
const a = { address: '10.0.0.1' };
const b = { address: '10.0.0.2' };

test('A2: one address takes few of the places of strangers, all addresses leave most to callers, and each caller some to others', () => {
  const places = new WebSocketPlaces(limits);
  places.take(a);
  places.take(a);

  expect(() => places.take(a)).toThrow(full);
  places.take(b);
  expect(() => places.take(b)).toThrow(full);
  places.take({ caller: 'x' });
  places.take({ caller: 'x' });
  expect(() => places.take({ caller: 'x' })).toThrow(full);
  places.take({ caller: 'y' });
  expect(() => places.take({ caller: 'z' })).toThrow(full);
});

test('a place that is left is free again, once', () => {
  const places = new WebSocketPlaces(limits);
  places.take(a);
  const place = places.take(a);

  place.leave();
  place.leave();

  places.take(a);
  expect(() => places.take(a)).toThrow(full);
});

test('a stranger who becomes a caller counts as one, and leaves as one', () => {
  const places = new WebSocketPlaces(limits);
  const first = places.take(a);
  first.passTo('x');
  places.take(a).passTo('x');
  const third = places.take(a);

  expect(() => third.passTo('x')).toThrow(full);
  places.take(a);
  expect(() => places.take(a)).toThrow(full);
  first.leave();
  third.passTo('x');
  first.passTo('y');
  places.take(a);
  expect(() => places.take({ caller: 'x' })).toThrow(full);
});
