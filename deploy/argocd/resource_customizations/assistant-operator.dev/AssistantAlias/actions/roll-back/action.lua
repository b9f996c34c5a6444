local status = obj.status or {}

-- The version that it stood for before the present one: only as of this generation.
local function previous()
  if status.version == nil or status.observedGeneration ~= obj.metadata.generation then
    return nil
  end
  for _, move in ipairs(status.moves or {}) do
    if move.to ~= status.version then
      return move.to
    end
  end
  return nil
end

local before = previous()
if before ~= nil then
  obj.spec.version = before
  -- The API server accepts one of the two.
  obj.spec.digest = nil
end
return obj
