-- The vessels last heard within a radius of a place, nearest first: the edges bound a box that an index
-- answers, and the haversine formula on a sphere of 6,371 km decides. West of `west` is east of `east` where the
-- box crosses the antimeridian.
SELECT near.mmsi, vessel.name, vessel.ship_type, near.at, near.latitude, near.longitude, near.sog, near.cog,
       near.heading, near.anchored_since, near.away_km
FROM (
    SELECT latest.*, 12742.0176 * asin(least(1.0, sqrt(
        power(sin((radians(latest.latitude) - radians(%(latitude)s)) / 2), 2)
        + cos(radians(%(latitude)s)) * cos(radians(latest.latitude))
        * power(sin((radians(latest.longitude) - radians(%(longitude)s)) / 2), 2)))) AS away_km
    FROM ships_latestposition AS latest
    WHERE latest.latitude BETWEEN %(south)s AND %(north)s
        AND CASE WHEN %(west)s <= %(east)s THEN latest.longitude BETWEEN %(west)s AND %(east)s
            ELSE latest.longitude >= %(west)s OR latest.longitude <= %(east)s END
        AND latest.at >= %(since)s
) AS near
JOIN ships_vessel AS vessel ON vessel.mmsi = near.mmsi
WHERE near.away_km <= %(radius_km)s
ORDER BY near.away_km, near.mmsi
LIMIT %(limit)s
