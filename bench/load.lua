-- What `bench/load.py` has wrk do beyond its options: a body to post, tokens to take by turns, figures as JSON.
-- Arguments: body=FILE, tokens=FILE with one access token a line.

local requests = {}
local turn = 0

function init(arguments)
  for _, argument in ipairs(arguments) do
    local name, path = argument:match("^(%w+)=(.+)$")
    if name == "body" then
      wrk.method = "POST"
      wrk.body = io.open(path):read("*a")
      wrk.headers["Content-Type"] = "application/json"
    elseif name == "tokens" then
      for token in io.lines(path) do
        wrk.headers["Authorization"] = "Bearer " .. token
        requests[#requests + 1] = wrk.format()
      end
    end
  end
  local one = wrk.format()
  request = function()
    if #requests == 0 then
      return one
    end
    turn = turn % #requests + 1
    return requests[turn]
  end
end

function done(summary, latency)
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
