-- wrk's script: every request is a delivery about one of a thousand memories, as Mem0 shapes it; or of those that the file BENCH_IDS names.
local path = os.getenv("BENCH_PATH")
local bodies = {}

function init()
  local ids = {}
  local file = os.getenv("BENCH_IDS")
  if file and file ~= "" then
    for id in io.lines(file) do ids[#ids + 1] = id end
  else
    for i = 1, 1000 do ids[i] = string.format("00000000-0000-4000-8000-%012x", i) end
  end
  for i, id in ipairs(ids) do
    bodies[i] = string.format('{"event_details":{"id":"%s","data":{"memory":"%s"},"event":"memory_update"}}', id, string.rep("x", 120))
  end
end

local at = 0
function request()
  at = at % #bodies + 1
  return wrk.format("POST", path, {["Content-Type"] = "application/json"}, bodies[at])
end

function done(summary, latency)
  io.write(string.format('RESULT %.1f %.3f %.3f %d\n', summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1000,
                         latency:percentile(99) / 1000, summary.errors.status + summary.errors.connect + summary.errors.read +
                         summary.errors.write + summary.errors.timeout))
end
