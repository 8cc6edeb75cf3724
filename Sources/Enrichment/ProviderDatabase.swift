public import SessionModel

/// Writes ASN databases for tests: who announces which networks, where the bundled database does not
/// tell.
public enum ProviderDatabase {
    /// A file in the MaxMind DB format.
    ///
    /// - Parameter entries: The length is of 32 bits for IPv4, of 128 else; of networks that overlap
    ///   the later counts.
    public static func bytes(
        _ entries: [(network: IPAddress, length: Int, asn: UInt32, organization: String)]
    ) -> [UInt8] {
        var writer = MMDBWriter(ipVersion: 6)
        for entry in entries {
            writer.insert(
                entry.network, length: entry.length,
                .map([
                    "autonomous_system_number": .uint32(entry.asn),
                    "autonomous_system_organization": .string(entry.organization),
                ]))
        }
        let metadata = MMDBWriter.Metadata(
            databaseType: "Lastseen-ASN", description: "Providers of a test", buildEpoch: 1,
            recordSize: 32)
        guard let bytes = writer.bytes(metadata) else {
            preconditionFailure("a test's networks fit into records of 32 bits")
        }
        return bytes
    }
}
