// zip.h: zip files made of our own headers around bytes that are written elsewhere; byte for byte what wasm/js/zip.mjs makes.
//
//   [local header, name][data] …  [central directory][end]
//
// Stored entries; sizes and checksums in the local header, never data descriptors; UTF-8 names, 1980-01-01, mode 0644.
// Zip64 fields only where a size, an offset or the number of entries needs them.
// Source   APPNOTE.TXT 6.3.10, 4.3.7 to 4.3.16
#ifndef WHITTLE_TOOLS_ZIP_H_
#define WHITTLE_TOOLS_ZIP_H_

#include <cstdint>
#include <string>
#include <vector>

namespace whittle {

struct ZipEntry {
  std::string name;
  uint64_t size = 0;
  uint64_t header = 0;  // offset of the local header
  uint64_t data = 0;    // offset of the data
};

struct ZipLayout {
  std::vector<ZipEntry> entries;
  uint64_t directory = 0;  // offset of the central directory
};

// Sets the offsets of entries that have name and size.
ZipLayout zip_layout(std::vector<ZipEntry> entries);
std::string zip_local_header(const ZipEntry& entry, uint32_t crc);
// The central directory and what follows it, to the end of the file.
std::string zip_directory(const ZipLayout& layout, const std::vector<uint32_t>& crcs);
// A zip's top folder from the name of its file.
std::string zip_folder_name(const std::string& name);

}  // namespace whittle

#endif  // WHITTLE_TOOLS_ZIP_H_
