-- What `bench/load.py` has wrk do beyond its options: paths, tokens and bodies to take by turns, figures as JSON.
-- Arguments: paths=FILE, tokens=FILE and bodies=FILE, with one a line. The next run goes on behind the last one's tokens.

local requests = {}
local threads = {}
turn = 0 -- these two are global, for `done` to read them
position_file = nil

function setup(thread)
  threads[#threads + 1] = thread
end

local function lines(path)
  local found = {}
  for line in io.lines(path) do
    found[#found + 1] = line
  end
  return found
end

function init(arguments)
  local given = {}
  for _, argument in ipairs(arguments) do
    local name, path = argument:match("^(%w+)=(.+)$")
    given[name] = path
  end
  local bodies = {}
  if given.bodies then
    bodies = lines(given.bodies)
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
  end
  local paths = lines(given.paths)
  local tokens = {}
  if given.tokens then
    tokens = lines(given.tokens)
    position_file = given.tokens .. ".position"
    local position = io.open(position_file)
    if position then
      turn = position:read("*n")
      position:close()
    end
  end
  for number = 1, math.max(#paths, #tokens, #bodies) do
    if #tokens > 0 then
      wrk.headers["Authorization"] = "Bearer " .. tokens[number]
    end
    if #bodies > 0 then
      wrk.body = bodies[number]
    end
    requests[number] = wrk.format(nil, paths[(number - 1) % #paths + 1])
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency)
  local path = threads[1]:get("position_file")
  if path then
    local position = io.open(path, "w")
    position:write(threads[1]:get("turn"))
    position:close()
  end
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "failures": %d, "seconds": %.6f, "p50": %.4f, "p99": %.4f}\n',
    summary.requests,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    summary.duration / 1e6,
    latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3
  ))
end
