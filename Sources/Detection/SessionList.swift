public import SessionModel

extension Profile {
    /// The account's sessions as far as they are remembered (`FactKind.session` has the limit),
    /// newest first. The newest that is not ended is the current one.
    ///
    /// The profile's facts need to be whole: after reading one from the state call `Judge.restore`
    /// (with or without rules: they add to the facts of alerts only).
    public func sessions() -> [SessionSummary] {
        var found: [SessionSummary] = []
        forEach(.session) { i in
            let session = facts[i]
            let device = fact(session.sessionDevice)
            let place = fact(session.sessionPlace)
            let network = fact(session.sessionNetwork)
            let label = device.map { heap.text($0.labelText).string } ?? ""
            found.append(
                SessionSummary(
                    id: heap.text(session.sessionText).string,
                    state: session.flags.contains(.ended) ? .ended : .active, isCurrent: false,
                    deviceID: device.map { heap.text($0.deviceText).string } ?? "",
                    deviceLabel: label.isEmpty ? "Unknown" : label,
                    place: place.map { shownPlace($0) } ?? Place(),
                    network: Network(
                        address: session.address.isNone ? "" : session.address.description,
                        asn: network?.asn ?? 0,
                        organization: network.map { heap.text($0.organizationText).string } ?? "",
                        kind: network?.networkKind ?? .unknown),
                    firstSeen: Timestamp(milliseconds: session.first),
                    lastActive: Timestamp(milliseconds: session.last)))
        }
        // Ties by id, so that the answer does not depend on the order of facts.
        found.sort { ($1.lastActive, $0.id) < ($0.lastActive, $1.id) }
        if let current = found.firstIndex(where: { $0.state == .active }) {
            found[current].isCurrent = true
        }
        return found
    }

    private func shownPlace(_ fact: Fact) -> Place {
        Place(
            city: heap.text(fact.cityText).string, region: heap.text(fact.regionText).string,
            country: fact.country.description, latitude: Double(fact.point.latitude),
            longitude: Double(fact.point.longitude), radiusKilometers: Int(fact.radius))
    }
}
