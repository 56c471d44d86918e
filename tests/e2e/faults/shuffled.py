"""Puts the messages of queues into another order."""

from collections.abc import Sequence

import redis

# Each message gets another place (Sattolo's algorithm), where there are two or more. Answers how many have one now.
_SHUFFLE = """
local before, waiting = redis.call('LRANGE', KEYS[1], 0, -1), redis.call('LRANGE', KEYS[1], 0, -1)
math.randomseed(ARGV[1])
for i = #waiting, 2, -1 do
  local j = math.random(i - 1)
  waiting[i], waiting[j] = waiting[j], waiting[i]
end
redis.call('DEL', KEYS[1])
local moved = 0
for i, message in ipairs(waiting) do
  redis.call('RPUSH', KEYS[1], message)
  if message ~= before[i] then moved = moved + 1 end
end
return moved
"""


def shuffle(client: redis.Redis, queues: Sequence[str], draw: int) -> int:
    """How many messages have another place in their queue now."""
    return sum(int(client.eval(_SHUFFLE, 1, queue, str(draw))) for queue in queues)
