-- What would change nothing is disabled, and so is all of it while the assistant is being deleted.
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

local deleting = obj.metadata.deletionTimestamp ~= nil
local suspended = obj.spec.suspend == true
local pin, before = versioning.activeVersion, previous()
return {
  ["suspend"] = {
    ["iconClass"] = "fa fa-fw fa-pause",
    ["displayName"] = "Suspend",
    ["disabled"] = deleting or suspended
  },
  ["resume"] = {
    ["iconClass"] = "fa fa-fw fa-play",
    ["displayName"] = "Resume",
    ["disabled"] = deleting or not suspended
  },
  ["roll-back"] = {
    ["iconClass"] = "fa fa-fw fa-undo",
    ["displayName"] = "Roll back",
    ["disabled"] = deleting or before == nil or before == pin
  },
  ["unpin"] = {
    ["iconClass"] = "fa fa-fw fa-unlink",
    ["displayName"] = "Unpin",
    ["disabled"] = deleting or pin == nil
  }
}
