local versioning, status = obj.spec.versioning or {}, obj.status or {}

-- The version in force before the present one: only as of this generation, and only if pruning keeps it.
local function previous()
  if status.activeVersion == nil or status.observedGeneration ~= obj.metadata.generation then
    return nil
  end
  for _, activation in ipairs(status.activations or {}) do
    if activation.number ~= status.activeVersion then
      if activation.number > status.latestVersion - (versioning.historyLimit or 100) then
        return activation.number
      end
      return nil
    end
  end
  return nil
end

local before = previous()
if before ~= nil then
  versioning.activeVersion = before
  obj.spec.versioning = versioning
end
return obj
