package org.json;

public class JSONObject {
  public JSONObject(String json) throws JSONException {
    throw new JSONException();
  }

  public String getString(String name) throws JSONException {
    throw new JSONException();
  }

  public long getLong(String name) throws JSONException {
    throw new JSONException();
  }

  public JSONArray getJSONArray(String name) throws JSONException {
    throw new JSONException();
  }
}
