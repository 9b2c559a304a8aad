// accounts.h: books every byte between input and output to a cause people understand.
#ifndef WHITTLE_FACADE_ACCOUNTS_H_
#define WHITTLE_FACADE_ACCOUNTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "whittle/byte_cache.h"
#include "whittle/model.h"

namespace whittle {

// "optimizer slots (Adam)", "object graph", "variables that no signature reads", by the key's form.
std::string checkpoint_cause(const std::string& key);

// Books what the file held besides the graph: object graph, debug info, checkpoint entries that
// became no weight, files that loaders do not need.
void book_remainder(Model& model, const std::vector<FileEntry>& files, const std::string& root);

// Sorted, largest first, with one line for what is left so that they add up to `difference`.
std::vector<Saving> settle(std::vector<Saving> savings, int64_t difference, int64_t nodes);

}  // namespace whittle

#endif  // WHITTLE_FACADE_ACCOUNTS_H_
