-- For wrk: send the lines of a file as bodies, one after the other, and tell in JSON what came of it.
--   wrk … -s load.lua URL [-- METHOD FILE]
local requests, turn = {}, 0

function init(args)
   if #args < 2 then
      requests[1] = wrk.format("GET")
      return
   end
   local headers = { ["Content-Type"] = "application/json" }
   for line in io.lines(args[2]) do
      requests[#requests + 1] = wrk.format(args[1], nil, headers, line)
   end
end

function request()
   turn = turn % #requests + 1
   return requests[turn]
end

function done(summary, latency, _)
   local errors = summary.errors
   local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
   io.write(string.format(
      '\n{"requests": %d, "seconds": %f, "failed": %d, "median": %f, "p99": %f}\n',
      summary.requests, summary.duration / 1e6, failed,
      latency:percentile(50) / 1e6, latency:percentile(99) / 1e6
   ))
end
