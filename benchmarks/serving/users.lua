-- wrk asks for one user after the other, at random
local users = tonumber(os.getenv("USERS"))
math.randomseed(tonumber(os.getenv("SEED")))
request = function()
  return wrk.format("GET", "/recommend/" .. math.random(0, users - 1))
end
