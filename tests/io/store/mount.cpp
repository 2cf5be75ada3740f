// SPDX-License-Identifier: MIT

#include <filesystem>
#include <string>

#include <sst/io/store/mount.hpp>

#include "../../catch.hpp"
#include "../../folder.hpp"

namespace mount_tests {

TEST_CASE("mounts whose locks other machines do not see", "[io]") {
  const sst_test::Folder root;
  std::filesystem::create_directories(root.path / "proc/self");
  root.write(
      "proc/self/mountinfo",
      "20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
      "21 20 0:40 / /scratch rw,relatime shared:2 master:1 - nfs server:/a rw,vers=3,local_lock=flock\n"
      "22 20 0:41 / /scratch2 rw - nfs4 server:/b rw,vers=4.2,local_lock=none\n"
      "23 21 0:42 / /scratch/deep rw,localflock - lustre mgs:/c rw\n"
      "24 20 0:43 / /old rw - nfs server:/d rw,nolock\n"
      "25 20 0:44 / /old rw - lustre mgs:/e rw,flock\n"
      "26 20 0:45 / /home rw,nolock - ext4 /dev/sda2 rw\n"
      "27 20 0:46 / /all rw - nfs server:/f rw,local_lock=all\n");
  const auto why = [&](const char* folder) { return sst::why_locks_are_local(folder, root.path); };
  CHECK(why("/scratch/gram") == "it is mounted as nfs with local_lock=flock");
  CHECK(why("/scratch") == "it is mounted as nfs with local_lock=flock");
  CHECK(why("/all/x") == "it is mounted as nfs with local_lock=all");
  CHECK(why("/scratch/deep/gram") == "it is mounted as lustre with localflock");
  CHECK(why("/scratch/deeper") == "it is mounted as nfs with local_lock=flock");
  CHECK(why("/scratch2/gram").empty());
  CHECK(why("/old/gram").empty());  // what was mounted there last
  CHECK(why("/home/gram").empty());
  CHECK(why("/gram").empty());
  CHECK(sst::why_locks_are_local("/scratch", root.path / "no").empty());
}

}  // namespace mount_tests
