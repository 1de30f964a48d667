// org.pytorch.executorch.Module of some 1.x versions.
package older;

import org.pytorch.executorch.EValue;

public class Module {
  public static Module load(String modelPath) {
    return null;
  }

  public static Module load(String modelPath, int loadMode) {
    return null;
  }

  public EValue[] forward(EValue... inputs) {
    return null;
  }

  public EValue[] execute(String methodName, EValue... inputs) {
    return null;
  }

  public int loadMethod(String methodName) {
    return 0;
  }
}
