#include "common/engines/redis/scripts.h"

namespace mesh::redis {
namespace {

// A number of Lua is a double. A time in microseconds, and more so a tolerance, which may be 2^60,
// does not fit into its 53 bits; so times are pairs of seconds and microseconds, which both do, and
// are only added and compared. All that divides is done by gcra() on what this answers.
//
// PEXPIREAT and not a time to live: that would count from a clock that stands still while a script
// runs, so that a key might go before its time, and with it what was taken.
constexpr const char* kTake = R"lua(
local function later(a, b) return a[1] > b[1] or (a[1] == b[1] and a[2] > b[2]) end
local function sum(a, b)
  local micros = a[2] + b[2]
  if micros < 1000000 then return {a[1] + b[1], micros} end
  return {a[1] + b[1] + 1, micros - 1000000}
end
local time = redis.call('TIME')
local stored = redis.call('GET', KEYS[1])
local now = {tonumber(time[1]), tonumber(time[2])}
local step = {tonumber(ARGV[1]), tonumber(ARGV[2])}
local tolerance = {tonumber(ARGV[3]), tonumber(ARGV[4])}
local latest = sum(now, tolerance)
local base = now
if stored then
  local seconds, micros = string.match(stored, '^(%d+)%.(%d+)$')
  if not seconds then return redis.error_reply('ERR the key does not hold a rate limit') end
  local tat = {tonumber(seconds), tonumber(micros)}
  if later(tat, now) and not later(tat, sum(latest, tolerance)) then base = tat end
end
local tat = sum(base, step)
if not later(tat, latest) then
  redis.call('SET', KEYS[1], string.format('%.0f.%06.0f', tat[1], tat[2]))
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', tat[1] * 1000 + math.ceil(tat[2] / 1000)))
end
return {stored or '', time[1], time[2]}
)lua";

constexpr const char* kPeek = R"lua(
local time = redis.call('TIME')
return {redis.call('GET', KEYS[1]) or '', time[1], time[2]}
)lua";

// A subject is a hash that lives from its first question on, and not from its last: so no answer
// outlives the time. Its field '?' is the ticket of all who compute an answer while it is there:
// were there one for each, a question that many ask at once might never get an answer.
constexpr const char* kFind = R"lua(
local found = redis.call('HGET', KEYS[1], '=' .. ARGV[1])
if found then return '=' .. found end
local ticket = redis.call('HGET', KEYS[1], '?')
if ticket then return '?' .. ticket end
if ARGV[4] == '0' then return '' end
redis.call('HSET', KEYS[1], '?', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return '!' .. ARGV[2]
)lua";

constexpr const char* kKeep = R"lua(
if redis.call('HGET', KEYS[1], '?') ~= ARGV[2] then return 0 end
if redis.call('HLEN', KEYS[1]) > tonumber(ARGV[4]) then return 0 end
redis.call('HSET', KEYS[1], '=' .. ARGV[1], ARGV[3])
return 1
)lua";

constexpr const char* kDrop = R"lua(
local found = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3])
for _, key in ipairs(found[2]) do redis.call('UNLINK', key) end
return {found[1], #found[2]}
)lua";

}  // namespace

const char* text_of(Script script) {
  switch (script) {
    case Script::take:
      return kTake;
    case Script::peek:
      return kPeek;
    case Script::find:
      return kFind;
    case Script::keep:
      return kKeep;
    case Script::drop:
      return kDrop;
  }
  return "";
}

}  // namespace mesh::redis
