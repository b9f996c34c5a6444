-- What would change nothing is disabled, and so is all of it while the alias is being deleted.
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
return {
  ["roll-back"] = {
    ["iconClass"] = "fa fa-fw fa-undo",
    ["displayName"] = "Roll back",
    ["disabled"] = obj.metadata.deletionTimestamp ~= nil or before == nil or before == obj.spec.version
  }
}
