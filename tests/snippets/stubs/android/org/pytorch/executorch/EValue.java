package org.pytorch.executorch;

public class EValue {
  public static EValue from(Tensor tensor) {
    return null;
  }

  public static EValue from(boolean value) {
    return null;
  }

  public static EValue from(long value) {
    return null;
  }

  public static EValue from(double value) {
    return null;
  }

  public static EValue from(String value) {
    return null;
  }

  public Tensor toTensor() {
    return null;
  }

  public String toStr() {
    return null;
  }
}
