"""Takes messages off a process's queues and settles them, over all its connections to the broker.

Kombu pops a message, and records that it has it after reading it. A message that is popped and can't be recorded,
or read, is lost. Here one script does both, so that a message is on its queue or recorded at every moment.

Redis can't wait within a script, so an idle worker asks several times a second.

KEYS 1 hash: taken messages by their tag, each with the list that it was on; 2 zset: the tags, by the time (s) at
which they were taken, by Redis's clock. Kombu calls the two `unacked` and `unacked_index`. It writes them in
another form, so ours have other names.
"""

from collections.abc import Sequence
from typing import Any, Literal
from uuid import uuid4

# KEYS 3 a name that no key has; 4.. the lists, in the order in which they are looked at. ARGV 1 the tag.
# Returns the message, with its list in front of it.
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
# ARGV: tags, each preceded by its settlement.
_SETTLE = (
    _PUT_BACK
    + """
for i = 1, #ARGV, 2 do
  local settlement, tag = ARGV[i], ARGV[i + 1]
  if settlement == 'done' then forget(tag) else put_back(tag, settlement == 'next' and 'RPUSH' or 'LPUSH') end
end
"""
)
# ARGV 1 the least age of what is put back, in seconds; 2 how many at most.
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
"""What to do with a taken message: forget it, or put it back on its list, as the next one or the last one."""


class Intake:
    """A process's taken messages, for the consumer loop's thread only. Methods with a client raise RedisError."""

    def __init__(self, name: str) -> None:
        """`name` is the prefix of the keys. All workers of a queue have the same one."""
        self.keys = (f"{name}:taken", f"{name}:taken:index")
        self.tag = uuid4().hex
        """The tag of the next message. It stays the same, over any number of connections, until one is read."""
        self._owed: dict[str, Settlement] = {}

    def question(self, lists: Sequence[str]) -> tuple[Any, ...]:
        """The command that takes the next message."""
        keys = (*self.keys, f"{self.keys[0]}:probe", *lists)
        return ("EVAL", TAKE, len(keys), *keys, self.tag)

    def answered(self) -> str:
        """Notes that a message came, and returns its tag. The next message gets a new one."""
        tag, self.tag = self.tag, uuid4().hex
        return tag

    def owe(self, tag: str, settlement: Settlement) -> None:
        """Notes a settlement, to be sent once Redis can be reached. The first one for a message counts."""
        self._owed.setdefault(tag, settlement)

    @property
    def owes(self) -> bool:
        """Whether there are settlements to send."""
        return bool(self._owed)

    def settle(self, client: Any) -> None:
        """Sends the noted settlements."""
        owed = dict(self._owed)
        pairs = [part for tag, settlement in owed.items() for part in (settlement, tag)]
        client.eval(_SETTLE, len(self.keys), *self.keys, *pairs)
        for tag in owed:
            del self._owed[tag]

    def sweep(self, client: Any, age: float, most: int) -> None:
        """Puts back messages that were taken at least `age` seconds ago: the process that took them is gone."""
        client.eval(_SWEEP, len(self.keys), *self.keys, int(age), most)
