// op_table.h: the built-in table of ops and the literals its defaults are written in. The format is
// explained in tools/fixtures/make_op_table.py, which makes op_table.inc.
#ifndef WHITTLE_IR_OP_TABLE_H_
#define WHITTLE_IR_OP_TABLE_H_

#include <deque>
#include <string_view>

#include "whittle/op_registry.h"

namespace whittle {

// Every op of the table, sorted by name. All text is static.
std::deque<OpSpec> decode_op_table();

// The value of a literal of the table; `type` is as in AttrSpec.
AttrValue parse_default(std::string_view type, std::string_view text);

}  // namespace whittle

#endif  // WHITTLE_IR_OP_TABLE_H_
