"""The crank: watches, records, looks, decides, acts, reports. It holds no rule of the product."""
