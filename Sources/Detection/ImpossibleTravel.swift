/// Flags two sightings of one user farther apart than a body can have travelled in the time.
public enum ImpossibleTravel {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "speed_limit_kmh", unit: "km/h", range: 100...20_000, default: 900,
            meaning: "Fastest believable speed; an airliner cruises at about 900."),
        ParameterSpec(
            "minimum_distance_km", unit: "km", range: 0...20_000, default: 100,
            meaning: "Shorter distances are never travel, whatever the time between."),
        ParameterSpec(
            "ground_minutes", unit: "min", range: 0...600, default: 15,
            meaning: "Time on the ground that a trip of more than 500 km takes beside the flight."),
        ParameterSpec(
            "clock_slack_s", unit: "s", range: 0...3600, default: 60,
            meaning: "Added to the time between two sightings, as clocks differ."),
        ParameterSpec(
            "familiar_days", unit: "days", range: 1...365, default: 2, isWhole: true,
            meaning: "A device and a network seen on this many days are where they use to be."),
    ]
}
