-- A version is history: only the one in force can be ill. It has no Ready and no observedGeneration, for its spec
-- never changes. One that was refused and never came into force is as it should be.
local health = {status = "Progressing", message = "Waiting for the operator to judge it"}
if obj.metadata.deletionTimestamp ~= nil then
  health.message = "Being deleted"
  return health
end
if obj.status == nil or obj.status.conditions == nil then
  return health
end
local conditions = {}
for _, condition in ipairs(obj.status.conditions) do
  conditions[condition.type] = condition
end
local active, valid = conditions.Active, conditions.Valid
if active == nil or valid == nil then
  return health
end
if active.status ~= "True" then
  return {status = "Healthy", message = "Not in force: " .. valid.message}
end
if valid.status == "True" then
  return {status = "Healthy", message = "In force: " .. valid.message}
end
if valid.status == "False" then
  return {status = "Degraded", message = "In force: " .. valid.message}
end
health.message = "In force: " .. valid.message
return health
