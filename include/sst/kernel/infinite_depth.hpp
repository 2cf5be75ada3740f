// SPDX-License-Identifier: MIT
#pragma once

#include <sst/kernel/kernel_function.hpp>
#include <sst/plan/kernel.hpp>
#include <sst/version.hpp>

/// \file
/// ReLU networks of infinite depth: width first, then depth, in closed form. Each is a function of the angle
/// between two samples, K(x, x') = |x| |x'| kappa(theta) / d, compiled to a polynomial, so that an infinitely
/// deep network costs what any radial profile costs.
///
/// All are scaled so that the variance of the output is that of the input, K(x, x) = |x|^2 / d for the NNGP;
/// a read-out of another scale is a multiple of the kernel. No biases. With c = cos theta,
///     kappa(c) = (sin theta + (pi - theta) c) / pi,    kappa0(c) = 1 - theta / pi
/// (Cho and Saul 2009, "Kernel Methods for Deep Learning", eqs. (1) to (6)). Accuracy: 1.5e-14 of the
/// diagonal in double (1e-6 in float), checked when the kernel is first used, which takes up to some seconds.

namespace sst {
inline namespace SST_ABI {

/// The sparse shortcut of infinitely many layers: every layer h_l feeds the output, and layer l carries the
/// share (1 - ratio) ratio^l of its variance, l = 0, 1, ... With theta_0 the angle of the samples and
/// theta_{l+1} = arccos kappa(cos theta_l), T_0 = cos theta_0, T_{l+1} = cos theta_{l+1} + kappa0 T_l:
///     NNGP = sum_l (1 - ratio) ratio^l cos theta_l,    NTK = sum_l (1 - ratio) ratio^l T_l.
/// The network of the first L taps is within ratio^L (NTK: (L + 1 / (1 - ratio)) ratio^L) of it. Equal taps,
/// the limit ratio -> 1, tend to a constant kernel, as 1 / L. ratio: in (0, 0.98], beyond which kernels bend
/// too much near the diagonal for a profile. Throws Error for others.
KernelFunction infinite_sparse_shortcut(Kernel kernel, double ratio);

/// The residual network of L blocks h + dense(relu(h)), weight_std = branch_std / sqrt(L), as L -> infinity.
/// With s from 0 to branch_std^2 / 2, the half angle h = (1 - c) / 2 and the NTK in units of the variance:
///     dh/ds = -(sin theta - theta cos theta) / (2 pi),    dT/ds = kappa - (theta / pi) T,    T(0) = c,
/// to 16 digits by extrapolated midpoint steps (Hairer, Norsett and Wanner 1993, "Solving Ordinary
/// Differential Equations I", section II.9). Networks of L blocks are off by O(1 / L). branch_std: in (0, 8].
/// Throws Error for others.
KernelFunction infinite_residual(Kernel kernel, double branch_std);

/// The equilibrium z = W relu(z) + U x of a layer that feeds itself (a deep equilibrium model; Bai, Kolter
/// and Koltun 2019), alpha = weight_std^2 / 2 < 1 the share of its variance that comes back. The NNGP is the
/// one solution of
///     c* = alpha kappa(c*) + (1 - alpha) c,    and NTK = c* / (1 - alpha kappa0(c*)).
/// Unrolled networks come within alpha^L. weight_std: in (0, 1.4]. Throws Error for others.
KernelFunction equilibrium(Kernel kernel, double weight_std);

}  // namespace SST_ABI
}  // namespace sst

#ifndef SST_EXTERN_TEMPLATES
#include <sst/kernel/infinite_depth_impl.hpp>
#endif
