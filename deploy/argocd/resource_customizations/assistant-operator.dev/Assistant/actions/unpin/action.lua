if obj.spec.versioning ~= nil then
  obj.spec.versioning.activeVersion = nil
  -- An empty table comes out as what was there before, which is the pin.
  if next(obj.spec.versioning) == nil then
    obj.spec.versioning = nil
  end
end
return obj
