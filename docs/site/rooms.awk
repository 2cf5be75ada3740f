# SPDX-License-Identifier: MIT
# Puts what a header declares in namespace sst into the group of its folder (rooms.dox), and every header into the
# list of headers. Lines stay where they are.
/^inline namespace SST_ABI \{$/ || /^\}  \/\/ namespace SST_ABI$/ { print ""; next }  # a reader need not know of it
FNR == 1 {
  room = FILENAME
  if (!sub(/.*include\/sst\//, "", room)) room = ""
  if (!sub(/\/.*$/, "", room)) room = "errors"
}
/^#pragma once$/ { print $0 " /** \\file */"; next }
/^namespace sst(::(plan|spatial))? \{$/ { print $0 " /** \\addtogroup room_" room " */ /** @{ */"; next }
/^\}  \/\/ namespace sst(::(plan|spatial))?$/ { print "/** @} */ " $0; next }
{ print }
