-- wrk's script: every request is a delivery about one of a thousand memories, as Mem0 shapes it.
local path = os.getenv("BENCH_PATH")
local bodies = {}

function init()
  for i = 1, 1000 do
    bodies[i] = string.format(
      '{"event_details":{"id":"00000000-0000-4000-8000-%012x","data":{"memory":"%s"},"event":"memory_add"}}', i, string.rep("x", 120))
  end
end

local at = 0
function request()
  at = at % 1000 + 1
  return wrk.format("POST", path, {["Content-Type"] = "application/json"}, bodies[at])
end

function done(summary, latency)
  io.write(string.format('RESULT %.1f %.3f %.3f %d\n', summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1000,
                         latency:percentile(99) / 1000, summary.errors.status + summary.errors.connect + summary.errors.read +
                         summary.errors.write + summary.errors.timeout))
end
