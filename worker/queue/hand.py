"""The messages that a process has taken off its queues, over all its connections to the broker.

Kombu pops a message, and writes down that it has it once it is read. What is popped and can't be written down, or
read, is lost. Here one script does both, so that a message is on its queue or written down at every moment.

Redis can't wait within a script, so a worker that has nothing to do asks several times a second.

KEYS 1 hash: taken messages by their tag, each with the list that it was on; 2 zset: the tags, by the time (s) of
their taking, by Redis's clock. Kombu calls the two `unacked` and `unacked_index`. What it writes there has another
form, so ours have other names.
"""

from collections.abc import Sequence
from typing import Any, Literal
from uuid import uuid4

# KEYS 3 a name that no key has; 4.. the lists, in the order in which they're looked at. ARGV 1 the tag.
# Answers the message, with its list in front of it.
TAKE = """
-- A write of nothing. Redis refuses it when it would refuse a real one, so a worker finds out also while there is
-- nothing to take.
redis.call('SETRANGE', KEYS[3], 0, '')
-- Taken earlier, and the answer got lost.
local taken = redis.call('HGET', KEYS[1], ARGV[1])
if taken then return taken end
for i = 4, #KEYS do
  local message = redis.call('LINDEX', KEYS[i], -1)
  if message then
    taken = KEYS[i] .. '\\0' .. message
    -- Last what takes it away: were that refused, it would come twice.
    redis.call('HSET', KEYS[1], ARGV[1], taken)
    redis.call('ZADD', KEYS[2], redis.call('TIME')[1], ARGV[1])
    redis.call('RPOP', KEYS[i])
    return taken
  end
end
return false
"""
_PUT_BACK = """
local function forget(tag)
  redis.call('HDEL', KEYS[1], tag)
  redis.call('ZREM', KEYS[2], tag)
end
local function put_back(tag, push)
  local taken = redis.call('HGET', KEYS[1], tag)
  if taken then
    local ends = string.find(taken, '\\0', 1, true)
    redis.call(push, string.sub(taken, 1, ends - 1), string.sub(taken, ends + 1))
  end
  forget(tag)
end
"""
# ARGV: tags, each behind what is done with it.
_SETTLE = (
    _PUT_BACK
    + """
for i = 1, #ARGV, 2 do
  local settlement, tag = ARGV[i], ARGV[i + 1]
  if settlement == 'done' then forget(tag) else put_back(tag, settlement == 'next' and 'RPUSH' or 'LPUSH') end
end
"""
)
# ARGV 1 how old, in seconds; 2 how many at most.
_SWEEP = (
    _PUT_BACK
    + """
local old = redis.call('TIME')[1] - ARGV[1]
for _, tag in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', old, 'LIMIT', 0, ARGV[2])) do
  put_back(tag, 'RPUSH')
end
"""
)

Settlement = Literal["done", "next", "last"]
"""What becomes of a taken message: it is forgotten, or it is the next one or the last one of its list again."""


class Hand:
    """Used by the thread of the consumer loop alone. Methods that are given a client raise RedisError."""

    def __init__(self, name: str) -> None:
        """`name` begins the names of the keys. All workers of a queue have the same one."""
        self.keys = (f"{name}:taken", f"{name}:taken:index")
        self.tag = uuid4().hex
        """What the next message is taken under: the same, over any number of connections, until one was read."""
        self._owed: dict[str, Settlement] = {}

    def question(self, lists: Sequence[str]) -> tuple[Any, ...]:
        """The command that takes the next message."""
        keys = (*self.keys, f"{self.keys[0]}:probe", *lists)
        return ("EVAL", TAKE, len(keys), *keys, self.tag)

    def answered(self) -> str:
        """An answer came, with a message. Returns that one's tag."""
        tag, self.tag = self.tag, uuid4().hex
        return tag

    def owe(self, tag: str, settlement: Settlement) -> None:
        """To be settled as soon as Redis lets us. What was said of a message first holds."""
        self._owed.setdefault(tag, settlement)

    @property
    def owes(self) -> bool:
        return bool(self._owed)

    def settle(self, client: Any) -> None:
        """Settle what is owed."""
        owed = dict(self._owed)
        pairs = [part for tag, settlement in owed.items() for part in (settlement, tag)]
        client.eval(_SETTLE, len(self.keys), *self.keys, *pairs)
        for tag in owed:
            del self._owed[tag]

    def sweep(self, client: Any, age: float, most: int) -> None:
        """Put back what was taken `age` seconds ago: whoever took it is gone."""
        client.eval(_SWEEP, len(self.keys), *self.keys, int(age), most)
