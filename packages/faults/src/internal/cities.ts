/**
 * Twenty cities with large data centres. Coordinates are those of the city centre as any atlas gives them, in degrees
 * north and east, rounded to a tenth: good to about 10 km, which is 75 µs of the delays made from them.
 */
export const cities: ReadonlyArray<{
  readonly name: string
  readonly latitude: number
  readonly longitude: number
}> = [
  { name: "Ashburn", latitude: 39.0, longitude: -77.5 },
  { name: "San Jose", latitude: 37.3, longitude: -121.9 },
  { name: "Dallas", latitude: 32.8, longitude: -96.8 },
  { name: "Chicago", latitude: 41.9, longitude: -87.6 },
  { name: "Seattle", latitude: 47.6, longitude: -122.3 },
  { name: "Toronto", latitude: 43.7, longitude: -79.4 },
  { name: "São Paulo", latitude: -23.6, longitude: -46.6 },
  { name: "London", latitude: 51.5, longitude: -0.1 },
  { name: "Frankfurt", latitude: 50.1, longitude: 8.7 },
  { name: "Paris", latitude: 48.9, longitude: 2.4 },
  { name: "Amsterdam", latitude: 52.4, longitude: 4.9 },
  { name: "Stockholm", latitude: 59.3, longitude: 18.1 },
  { name: "Warsaw", latitude: 52.2, longitude: 21.0 },
  { name: "Dubai", latitude: 25.2, longitude: 55.3 },
  { name: "Mumbai", latitude: 19.1, longitude: 72.9 },
  { name: "Singapore", latitude: 1.4, longitude: 103.8 },
  { name: "Tokyo", latitude: 35.7, longitude: 139.7 },
  { name: "Seoul", latitude: 37.6, longitude: 127.0 },
  { name: "Sydney", latitude: -33.9, longitude: 151.2 },
  { name: "Johannesburg", latitude: -26.2, longitude: 28.0 }
]
