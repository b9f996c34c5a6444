if obj.spec.suspend then
  obj.spec.suspend = false
end
return obj
